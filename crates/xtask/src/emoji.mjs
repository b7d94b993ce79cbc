// Writes what the emoji picker reads, a file per language: [[[emoji, name, words to find it by], …] per group], in Unicode's order.
// Usage: node emoji.mjs <folder of emoji-picker-element-data> <folder to write into>
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const LANGUAGES = { "zh-Hant": "zh-hant/cldr", en: "en/cldr" };
// What came after Emoji 15 is still an empty box on many phones and desks.
const NEWEST = 15;
// Skin tones and hair alone, which are no emoji of their own.
const COMPONENTS = 2;

const [from, to] = process.argv.slice(2);
await mkdir(to, { recursive: true });
for (const [language, source] of Object.entries(LANGUAGES)) {
  const all = JSON.parse(await readFile(join(from, source, "data.json"), "utf8"));
  const groups = new Map();
  for (const { emoji, annotation, tags = [], group, version } of all.sort((a, b) => a.order - b.order)) {
    if (group === undefined || group === COMPONENTS || version > NEWEST) continue;
    if (!groups.has(group)) groups.set(group, []);
    const words = tags.filter((tag) => !annotation.toLowerCase().includes(tag.toLowerCase()));
    groups.get(group).push([emoji, annotation, words.join(" ")]);
  }
  const inOrder = [...groups].sort(([a], [b]) => a - b).map(([, list]) => list);
  await writeFile(join(to, `${language}.json`), JSON.stringify(inOrder));
}
