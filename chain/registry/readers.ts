import { Interface, ZeroHash, isError } from "ethers";
import type { Chain } from "../client";
import { DomainError, TransientError } from "../../core/errors";
import { toRecoverableHex, parseSignature } from "../signature";
import type { Call } from "../relayer/signer";
import { deadlineSeconds, type Registration } from "./consents";
import { formatDid } from "../did/did";

/** What is asked of the chain for a wallet. Each throws TransientError `rpc.unreachable` or `rpc.failed` without an answer. */
export interface WalletRegistry {
  /** What the registry says of an identity now. */
  read(walletAddress: string): Promise<{ registered: boolean; nonce: number }>;
  /** Whether a contract at the address approves the signature (ERC-1271); false where there is no contract. */
  approves(walletAddress: string, digest: string, signature: string): Promise<boolean>;
}

const ERC1271 = new Interface(["function isValidSignature(bytes32 digest, bytes signature) view returns (bytes4)"]);
const ERC1271_MAGIC = "0x1626ba7e";

/** A contract wallet's check may cost this much; one that wants more burns our node's time. */
const ERC1271_GAS = 5_000_000;

/** Asks the chain's DIDRegistry and contract wallets. */
export function openWalletRegistry(chain: Pick<Chain, "provider" | "didRegistry">): WalletRegistry {
  const { provider, didRegistry } = chain;
  return {
    async read(walletAddress) {
      const record = await answered(didRegistry.resolveDID(walletAddress));
      return { registered: record.version > 0n, nonce: Number(record.nonce) };
    },
    async approves(walletAddress, digest, signature) {
      if ((await answered(provider.getCode(walletAddress))) === "0x") return false;
      const data = ERC1271.encodeFunctionData("isValidSignature", [digest, signature]);
      try {
        const answer = await provider.call({ to: walletAddress, data, gasLimit: ERC1271_GAS });
        // The magic value, padded to a word by the ABI: anything else is a no.
        return answer.slice(0, 10) === ERC1271_MAGIC && /^0*$/.test(answer.slice(10)) && answer.length === 66;
      } catch (error) {
        if (isError(error, "CALL_EXCEPTION")) return false;
        throw unanswered(error);
      }
    },
  };
}

/** The call of `registerDIDFor` with a holder's signature. */
export function registrationCall(
  chain: Pick<Chain, "didRegistry" | "deployment">,
  registration: Registration & { signature: string },
): Call {
  const { contracts, didMethod } = chain.deployment;
  const { walletAddress, documentUri, nonce } = registration;
  const did = formatDid(didMethod, walletAddress);
  const consent = {
    signer: walletAddress,
    nonce,
    deadline: deadlineSeconds(registration),
    signature: registration.signature,
  };
  const values: [string, string, string, typeof consent] = [did, documentUri, ZeroHash, consent];
  const data = chain.didRegistry.interface.encodeFunctionData("registerDIDFor", values);
  return { to: contracts.DIDRegistry.address, data };
}

/** The contract takes key signatures in 65 bytes with v 27 or 28 only; a contract wallet's stay as they are. */
export function normalizeSignature(signature: string, kind: "key" | "contract"): string {
  return kind === "key" ? toRecoverableHex(parseSignature(signature)) : signature;
}

/** A revert of the registry in words, from the error that carries its data; undefined when it is none. */
export function readRevert(chain: Pick<Chain, "didRegistry">, error: unknown): DomainError | undefined {
  if (!isError(error, "CALL_EXCEPTION")) return undefined;
  const parsed = error.data ? chain.didRegistry.interface.parseError(error.data) : null;
  const what = parsed === null ? "without a reason" : `with ${parsed.name}(${parsed.args.map(String).join(", ")})`;
  const message = `The registry refused the registration ${what}. Sign the registration again.`;
  return new DomainError("anchoring.reverted", "conflict", message, { cause: error });
}

async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    throw unanswered(error);
  }
}

function unanswered(cause: unknown): TransientError {
  if (cause instanceof TransientError) return cause;
  return new TransientError("rpc.failed", "The chain did not answer as it should.", { cause });
}
