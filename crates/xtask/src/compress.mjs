// Writes .br and .gz beside every file of the folder that is worth it, so that the server never compresses an asset twice.
// Node has both in its standard library; xtask would need two crates for them.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const WORTH_IT = new Set([".html", ".js", ".css", ".wasm", ".json", ".svg", ".webmanifest", ".txt"]);
const LEAST_BYTES = 1024;

const folder = process.argv[2];
const entries = await readdir(folder, { recursive: true, withFileTypes: true });
const files = entries
  .filter((entry) => entry.isFile() && WORTH_IT.has(extname(entry.name)))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

await Promise.all(
  files.map(async (file) => {
    const bytes = await readFile(file);
    if (bytes.length < LEAST_BYTES) return;
    const brotli = promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    });
    const gzipped = promisify(gzip)(bytes, { level: 9 });
    await Promise.all([writeFile(`${file}.br`, await brotli), writeFile(`${file}.gz`, await gzipped)]);
  }),
);
