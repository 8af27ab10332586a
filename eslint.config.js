// The rules for the JavaScript that browsers are given and for its tests.
const BROWSER = [
  "addEventListener", "atob", "cancelAnimationFrame", "clearTimeout", "CustomEvent", "document", "Event", "getComputedStyle",
  "history", "ImageData", "location", "matchMedia", "navigator", "performance", "requestAnimationFrame", "setTimeout",
  "URL", "URLSearchParams", "window",
];

export default [
  {
    files: ["lladav/**/*.js", "tests/viewer/*.js"],
    languageOptions: {
      ecmaVersion: 2025,
      sourceType: "module",
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    rules: {
      "eqeqeq": "error",
      "max-lines": ["error", 500],
      "max-lines-per-function": ["error", 60],
      "no-console": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-redeclare": "error",
      "no-shadow": "error",
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
];
