import { lookup } from "node:dns";
import { BlockList, type LookupFunction, isIP } from "node:net";

/** Networks that are somebody's own: a webhook must not be a way around a firewall (server-side request forgery). */
const PRIVATE_NETWORKS = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  PRIVATE_NETWORKS.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 96],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  PRIVATE_NETWORKS.addSubnet(network, prefix, "ipv6");
}

/** Whether an IP address is one of a private network. IPv4 in IPv6 counts as the IPv4 address. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return PRIVATE_NETWORKS.check(mapped, "ipv4");
  return PRIVATE_NETWORKS.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** @throws Error when a URL is not `https:`, or names an address of a private network instead of a host */
export function requirePublicUrl(url: string): void {
  const { protocol, hostname } = new URL(url);
  const literal = hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0 && isPrivateAddress(literal)) {
    throw new Error("the webhook URL leads into a private network");
  }
  if (protocol !== "https:") throw new Error("the webhook URL is not https");
}

/**
 * Resolves host names to public addresses alone. Given to the request itself, so that the address which was checked is
 * the one that is connected to.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const usable = error === null ? addresses.filter(({ address }) => !isPrivateAddress(address)) : [];
    const [first] = usable;
    if (first === undefined) callback(error ?? new Error(`${hostname} leads into a private network`), []);
    else if (options.all === true) callback(null, usable);
    else callback(null, first.address, first.family);
  });
};
