// Sentences that the dispatcher writes in English, found again by their words: so a page says them in
// its own language without the dispatcher knowing which. A test compares them with the dispatcher's.

/**
 * A book of `templates`, {sentence: key}; what a sentence fills in stands in it as {name}.
 * Returns a function from a sentence to `{key, values}`, or null where it is not known.
 */
export function phrasebook(templates) {
  const gapped = Object.entries(templates).filter(([template]) => template.includes("{")).map(([template, key]) => ({ pattern: patternOf(template), key }));
  return (sentence) => {
    if (Object.hasOwn(templates, sentence)) return { key: templates[sentence], values: {} };
    for (const { pattern, key } of gapped) {
      const found = sentence.match(pattern);
      if (found) return { key, values: { ...found.groups } };
    }
    return null;
  };
}

function patternOf(template) {
  const written = template.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${written.replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`);
}
