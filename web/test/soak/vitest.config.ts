import { inBrowser } from "../browser/vitest.ts";

export default inBrowser(import.meta.dirname);
