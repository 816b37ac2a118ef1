// Words by language. The server says which in <html lang>; the catalogue is read before anything
// that imports this runs.

export const language = document.documentElement.lang === "ko" ? "ko" : "en";

const answer = await fetch(new URL(`./i18n/${language}.json`, import.meta.url));
if (!answer.ok) throw new Error(`no catalogue for ${language}: ${answer.status}`);
const catalogue = await answer.json();
const plurals = new Intl.PluralRules(language);
const digits = new Intl.NumberFormat(language);

/** The text of this key, with {names} filled in. */
export function t(key, values = {}) {
  const text = catalogue[key];
  if (text === undefined) throw new Error(`the catalogue has no ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? digits.format(values[name]) : String(values[name] ?? ""),
  );
}

/** The text for so many: the key ends with the language's form for that number. */
export function tn(key, count, values = {}) {
  return t(`${key}.${plurals.select(count) === "one" ? "one" : "other"}`, { count, ...values });
}

/** Whether there is such a text. */
export const has = (key) => key in catalogue;

/** A name in the page's language, of names by language. */
export const named = (names) => names[language] ?? names.en ?? Object.values(names)[0] ?? "";
