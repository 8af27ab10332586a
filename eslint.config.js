// The rules for the JavaScript that browsers are given and for its tests.
const BROWSER = [
  "addEventListener", "atob", "Blob", "cancelAnimationFrame", "clearInterval", "clearTimeout", "CustomEvent", "document", "Event",
  "fetch", "getComputedStyle", "history", "HTMLButtonElement", "ImageData", "IntersectionObserver", "localStorage", "location",
  "matchMedia", "MutationObserver", "navigator", "performance", "removeEventListener", "requestAnimationFrame", "setInterval", "setTimeout",
  "URL", "URLSearchParams", "window",
];

export default [
  {
    files: ["lladav/**/*.js", "tests/**/*.js"],
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
