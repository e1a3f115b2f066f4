// The report page in its two languages. What the address names is unfolded by the browser.

import { find, startLanguages } from "./language.js";

startLanguages(JSON.parse(find("page").textContent));
