import { TransientError } from "../../core/errors";

/**
 * The answer to a question put to the chain. The functions asked this way never revert, so that whatever goes wrong may
 * go right later.
 *
 * @throws TransientError `rpc.unreachable` when no endpoint answers, `rpc.failed` when the answer is an error
 */
export async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (cause) {
    throw asTransient(cause);
  }
}

/** The error as a {@link TransientError}: itself when it is one, `rpc.failed` otherwise. */
export function asTransient(cause: unknown): TransientError {
  if (cause instanceof TransientError) return cause;
  return new TransientError("rpc.failed", "The chain did not answer as it should.", { cause });
}
