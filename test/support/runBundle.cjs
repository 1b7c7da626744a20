// Runs a file that bundle.ts made: `node test/support/runBundle.cjs <file> <arguments...>`. The first process leaves
// beside it what V8 compiled until the script's first wait; those that follow need not compile it again.
"use strict";
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const vm = require("node:vm");

process.argv.splice(1, 1);
const file = process.argv[1];
const codeFile = `${file}.code`;
const source = `(function (require, module, exports) {${fs.readFileSync(file, "utf8")}\n})`;
const script = new vm.Script(source, {
  filename: file,
  cachedData: fs.existsSync(codeFile) ? fs.readFileSync(codeFile) : undefined,
});
const main = { exports: {} };
script.runInThisContext()(createRequire(path.join(__dirname, "runBundle.cjs")), main, main.exports);

if (script.cachedDataRejected !== false) {
  const draft = `${codeFile}.${process.pid}`;
  fs.writeFileSync(draft, script.createCachedData());
  fs.renameSync(draft, codeFile);
}
