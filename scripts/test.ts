import { spawn } from "node:child_process";

/**
 * `npm test`: the whole suite, or the files and options given after `--`. Test files run in two processes side by side;
 * the servers they need are started by the suite itself (test/support/environment.ts).
 */
const given = process.argv.slice(2);
const files = given.some((argument) => /^(\.\/)?test\//.test(argument)) ? [] : ["test/**/*.test.ts"];
const parallel = given.includes("--no-parallel") ? [] : ["--parallel", "--jobs", "2"];
const args = [
  "node_modules/mocha/bin/mocha.js",
  ...parallel,
  ...given.filter((argument) => argument !== "--no-parallel"),
  ...files,
];
const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", TS_NODE_TRANSPILE_ONLY: "true" };
const child = spawn(process.execPath, args, { stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
