// The report page: its language, and the section that the address names, unfolded.

import { find, startLanguages } from "./language.js";

function unfold() {
  const section = find(decodeURIComponent(location.hash.slice(1)));
  if (section) section.open = true;
}

startLanguages(JSON.parse(find("page").textContent), unfold);
