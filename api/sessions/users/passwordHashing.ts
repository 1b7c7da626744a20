import { hash, parseOptions, verify } from "@node-rs/argon2";
import { randomToken } from "../../../core/crypto";
import { TransientError } from "../../../core/errors";

/**
 * Argon2id, 19 MiB, two passes, one lane: the OWASP Password Storage recommendation (2024). The library's default
 * algorithm is Argon2id and its salt 16 random bytes.
 */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 };

/**
 * Hashing runs on Node's pool of four threads, which files and name look-ups share: half of it at most. More at once
 * would not be faster on few cores, and memory stays below 40 MiB.
 */
const CONCURRENT = 2;
/** Beyond this many waiting (about two seconds of work) a caller is rejected with `passwords.busy` instead. */
const WAITING = 100;

/** Hashes and verifies passwords; the PHC string carries the parameters and the salt. */
export interface PasswordHasher {
  /** @throws TransientError `passwords.busy` */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that was hashed. Without a hash (no such account) another hash is compared, so
   * that the time does not tell.
   *
   * @throws TransientError `passwords.busy`
   */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>;
  /** Whether a hash was made with other parameters than today's. */
  isOutdated(passwordHash: string): boolean;
}

/** Creates the hasher. The hash compared with for accounts that do not exist is made at the first login. */
export function createPasswordHasher(): PasswordHasher {
  const limited = limitConcurrency(CONCURRENT, WAITING);
  let dummyHash: Promise<string> | undefined;
  return {
    hash: (password) => limited(() => hash(password, PARAMETERS)),
    async verify(passwordHash, password) {
      dummyHash ??= hash(randomToken(), PARAMETERS);
      const compared = passwordHash ?? (await dummyHash);
      const matches = await limited(() => verify(compared, password));
      return passwordHash !== undefined && matches;
    },
    isOutdated(passwordHash) {
      const used = parseOptions(passwordHash);
      const named = Object.keys(PARAMETERS) as (keyof typeof PARAMETERS)[];
      return !passwordHash.startsWith("$argon2id$") || named.some((name) => used[name] !== PARAMETERS[name]);
    },
  };
}

/** Runs at most `concurrent` tasks at a time, first come first served, and rejects when `waiting` are queued. */
function limitConcurrency(concurrent: number, waiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (task) => {
    if (running >= concurrent) {
      if (queue.length >= waiting) throw new TransientError("passwords.busy", "Too many logins at this moment.");
      // Whoever finishes starts the next, so that `running` does not change.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
