// The language of a page: that of its address (#zh-TW), or the one last chosen, or the browser's.

let memory = {};
try {
  memory = localStorage;
} catch {
  // A browser may forbid a local file to remember anything.
}

export const find = (id) => document.getElementById(id);
// Put values into the {places} of a text.
export const fill = (text, values) => text.replace(/{(\w+)}/g, (place, name) => values[name]);
// Of an address that ends in #zh-TW&image=3: the names and their values.
export const readAddress = () => new URLSearchParams(location.hash.slice(1));

// Say the page's texts in its language, now and whenever the address changes; then call `show` with them.
export function startLanguages(texts, show = () => {}) {
  const languages = Object.keys(texts);
  const usual = navigator.language.startsWith("zh") ? "zh-TW" : "en";
  const choose = () => {
    const asked = languages.find((each) => readAddress().has(each));
    const language = asked ?? languages.find((each) => each === memory.language) ?? usual;
    const text = texts[language];
    memory.language = document.documentElement.lang = language;
    document.title = text.title;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = text[element.dataset.text];
    for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = text[element.dataset.label];
    find("language").href = `#${languages.find((each) => each !== language)}`;
    show(text);
  };
  addEventListener("hashchange", choose);
  choose();
}
