import type { BootProblem } from "../errors";
import { sha256Hex } from "../hash";
import { DEVELOPMENT_ADMIN_API_KEY } from "./admin";
import { DEVELOPMENT_GATEWAY_PASSPHRASE } from "./gateway";
import { DEVELOPMENT_KEYSTORE_PASSPHRASE } from "./keys";
import { DEVELOPMENT_SANDBOX_SECRET } from "./kyc";
import type { Given } from "./part";
import { DEVELOPMENT_RELAYER_KEY } from "./relayer";

/** Values that development uses where nothing is given; they can be read in Cairn's sources. */
const DEVELOPMENT_VALUES = [
  DEVELOPMENT_ADMIN_API_KEY,
  DEVELOPMENT_KEYSTORE_PASSPHRASE,
  DEVELOPMENT_GATEWAY_PASSPHRASE,
  DEVELOPMENT_SANDBOX_SECRET,
  DEVELOPMENT_RELAYER_KEY,
];

/**
 * The private keys of development chains, by the first 16 digits of the SHA-256 of each in lower case: the first 50 that
 * the mnemonic of Hardhat and Anvil gives ("test test ... junk"; a node shows 20 of them), and the first 10 of Ganache's.
 * Deriving them would delay every start by a second.
 */
const PUBLIC_KEY_HASHES = new Set(
  `
  60a09e4357868c1e 095101cf732c298a bb4978fbe7638de8 f02322197a196ceb 5de22089c247b9b2
  59feecfa04eb096b b69d88ff1ad5834a b6b9ee08c38f62da be394de37f9d6cf6 dd0102d1cd0c6ac7
  bc695e76adbd4ba5 f08cf7b46c09669b 7112de5abbaaf618 c9af1927cd58e92d 9ebbe88c52f86818
  9794bae81f0d5dd2 89fdd4bd49fc0e2a 97bc0c40d645cfaa 609101d4dd3170f5 7d2c370c3a5748fa
  8d857fad3af280a4 11b55ad0fac157a5 7d852c9a7fac7396 d745caf1c2d781b9 ab39ba2b753cd2d0
  5d57eedb376e4df0 b51c21bfcddca2a1 bb77870e74287ba0 5997c646fb616804 2b03884757368a9b
  ac8be0ac66181696 638f6d002d640562 f8ea15044c1f5249 4e2d6f5298c502ee aa125337451eda88
  b699b6a01c5f34b6 80f0eb35aee42d1e 1a9e833e9668fa9e 089865f2681f70ab 23b8ff8b33c11a5b
  c09229854c64162d 858b420a9e5cacf3 bf61afd07fc4d9b9 06d4fa2ff19e41a8 1ec3482975d8015d
  00dd56f31092036d 37d4375d5806229c 11141db1dad7ba8d 50dc92441f48de50 134e8154cd7b0a45
  424742fc6538f5e7 ce9fa353f6550241 bd0cf33a56471e08 b616bf99717b6dab 4fabaa71008f3cf7
  a47eadb9d6ed4fc3 77f89dcdbbcccd05 2f600d581ba56a89 a136addea40bb541 4a04a0734f7011c3
`
    .trim()
    .split(/\s+/),
);

const PRIVATE_KEY = /^0x[0-9a-f]{64}$/;

/**
 * Problems of variables that hold a value that everyone knows: Cairn's own of development, and the keys of development
 * chains. Whatever the variable is: a known value protects nothing anywhere.
 */
export function knownSecretProblems(given: Given): BootProblem[] {
  const values = Object.entries(given).flatMap(([subject, value = ""]) =>
    value.split(",").map((part) => ({ subject, value: part.trim() })),
  );
  const known = values.filter(({ value }) => DEVELOPMENT_VALUES.includes(value) || isPublicKey(value.toLowerCase()));
  return [...new Set(known.map(({ subject }) => subject))].map((subject) => ({
    subject,
    problem: `is a development ${subject.endsWith("_KEY") ? "key" : "value"} that everyone knows`,
    fix: "give one of your own",
  }));
}

function isPublicKey(value: string): boolean {
  return PRIVATE_KEY.test(value) && PUBLIC_KEY_HASHES.has(sha256Hex(value).slice(0, 16));
}
