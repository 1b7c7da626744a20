import { lookup } from "node:dns";
import { BlockList, type LookupFunction, isIP } from "node:net";

/**
 * Networks that are nobody's public server: a webhook must not be a way around a firewall (server-side request forgery).
 * From IANA's special-purpose registry, https://www.iana.org/assignments/iana-ipv4-special-registry, with multicast.
 */
const IPV4_NETWORKS = [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // shared by a carrier's customers
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, where clouds keep credentials
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments
  ["192.0.2.0", 24], // documentation
  ["192.31.196.0", 24], // AS112
  ["192.52.193.0", 24], // AMT relays
  ["192.88.99.0", 24], // 6to4 relays, deprecated
  ["192.168.0.0", 16], // private
  ["192.175.48.0", 24], // AS112
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 3], // multicast, reserved, broadcast
] as const;

/**
 * The same of https://www.iana.org/assignments/iana-ipv6-special-registry. Global unicast is 2000::/3 alone (RFC 4291
 * §2.4): outside it lie loopback, unique local, link-local and multicast, and the forms that lead to an IPv4 address
 * (::/96, ::ffff:0:0/96, ::ffff:0:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48); within it some networks are special.
 */
const IPV6_NETWORKS = [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23], // protocol assignments: Teredo, benchmarks, ORCHID
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4: leads to the IPv4 address within it
  ["2620:4f:8000::", 48], // AS112
  ["3fff::", 20], // documentation
] as const;

const PRIVATE_NETWORKS = { ipv4: blockListOf(IPV4_NETWORKS, "ipv4"), ipv6: blockListOf(IPV6_NETWORKS, "ipv6") };

/**
 * Whether an IP address is one of a private network. An IPv4 address mapped into IPv6, as resolvers write it
 * (`::ffff:192.0.2.1`), counts as the IPv4 address; what is no address is private.
 */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  switch (isIP(address)) {
    case 4:
      return PRIVATE_NETWORKS.ipv4.check(address, "ipv4");
    case 6:
      return PRIVATE_NETWORKS.ipv6.check(address, "ipv6");
    default:
      return true;
  }
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

function blockListOf(networks: readonly (readonly [string, number])[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family);
  return list;
}
