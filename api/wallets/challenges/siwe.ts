import { getAddress } from "ethers";

/** The fields of a Sign-In with Ethereum message (EIP-4361) as Cairn fills them. */
export interface SignInMessage {
  /** Host and, where it is not the scheme's own, port of who asks: the wallet compares it with the page it is on. */
  domain: string;
  /** `0x` and 40 hexadecimal digits, any case. */
  address: string;
  /** One line for the holder to read. */
  statement: string;
  uri: string;
  chainId: number;
  nonce: string;
  issuedAt: Date;
  expiresAt: Date;
  requestId: string;
}

/** The text the wallet signs, exactly as EIP-4361 lays it out. */
export function formatSignInMessage(message: SignInMessage): string {
  return [
    `${message.domain} wants you to sign in with your Ethereum account:`,
    getAddress(message.address.toLowerCase()),
    "",
    message.statement,
    "",
    `URI: ${message.uri}`,
    "Version: 1",
    `Chain ID: ${message.chainId}`,
    `Nonce: ${message.nonce}`,
    `Issued At: ${message.issuedAt.toISOString()}`,
    `Expiration Time: ${message.expiresAt.toISOString()}`,
    `Request ID: ${message.requestId}`,
  ].join("\n");
}
