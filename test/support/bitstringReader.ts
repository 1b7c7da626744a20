/**
 * Every bit of an encoded status list, as the independent library @digitalbazaar/bitstring reads it.
 *
 * @param encodedList multibase base64url of GZIP
 */
export async function readIndependently(encodedList: string): Promise<boolean[]> {
  const { Bitstring } = await import("@digitalbazaar/bitstring");
  const buffer = await Bitstring.decodeBits({ encoded: encodedList.slice(1) });
  // The library reads the whole ArrayBuffer behind a view, so it gets a copy of its own.
  const bitstring = new Bitstring({ buffer: Uint8Array.from(buffer) });
  return Array.from({ length: bitstring.length }, (_, position) => bitstring.get(position));
}
