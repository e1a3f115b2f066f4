// The report page in its two languages. The section of a run that the address names is unfolded.

import { find, startLanguages } from "../language.js";

startLanguages(JSON.parse(find("page").textContent), () =>
  find(decodeURIComponent(location.hash.slice(1)))?.setAttribute("open", ""),
);
