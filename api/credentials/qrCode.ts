import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";
import QRCode from "qrcode";

/** A QR code (ISO/IEC 18004): a square of modules, row by row, 1 for a dark one. */
export interface QrCode {
  size: number;
  modules: Uint8Array;
}

/** Modules left free on every side. */
const MARGIN = 4;

/** Width of a picture at most, in pixels; each module has as many whole ones as fit. */
const PICTURE_PIXELS = 600;

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const compress = promisify(deflate);

/** Makes the code of a text. A quarter of it may be unreadable, for it is printed small and gets smudged. */
export function createQrCode(text: string): QrCode {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: "Q" });
  return { size: modules.size, modules: modules.data };
}

/** A code as an SVG document. */
export function qrCodeSvg({ size, modules }: QrCode): string {
  const width = size + 2 * MARGIN;
  const rows = Array.from({ length: size }, (_, row) => {
    const dark = Array.from({ length: size }, (_module, column) => column).filter((at) => modules[row * size + at]);
    return dark.map((column) => `M${column + MARGIN} ${row + MARGIN}h1v1h-1z`).join("");
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${width}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${width}v${width}H0z"/><path d="${rows.join("")}"/></svg>\n`
  );
}

/**
 * A code as a PNG image (ISO/IEC 15948) of one bit a pixel. Made here, and compressed on another thread: a general
 * encoder takes 27 ms of the thread that serves everybody, this takes 1.
 */
export async function qrCodePng({ size, modules }: QrCode): Promise<Buffer> {
  const scale = Math.max(1, Math.floor(PICTURE_PIXELS / (size + 2 * MARGIN)));
  const width = (size + 2 * MARGIN) * scale;
  const rowBytes = 1 + Math.ceil(width / 8);
  // White everywhere; each row begins with its filter, none.
  const pixels = Buffer.alloc(rowBytes * width, 0xff);
  for (let y = 0; y < width; y += 1) pixels[y * rowBytes] = 0;
  for (let row = 0; row < size; row += 1) {
    const first = Buffer.from(pixels.subarray(0, rowBytes));
    for (let column = 0; column < size; column += 1) {
      if (modules[row * size + column] === 0) continue;
      for (let x = (column + MARGIN) * scale; x < (column + MARGIN + 1) * scale; x += 1) {
        const place = 1 + (x >> 3);
        first[place] = (first[place] ?? 0) & ~(0x80 >> (x & 7));
      }
    }
    for (let y = (row + MARGIN) * scale; y < (row + MARGIN + 1) * scale; y += 1) first.copy(pixels, y * rowBytes);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(width, 4);
  // One bit a pixel, greyscale; compression, filter and interlace have one value each.
  header.writeUInt8(1, 8);
  return Buffer.concat([PNG_SIGNATURE, chunk("IHDR", header), chunk("IDAT", await compress(pixels)), chunk("IEND")]);
}

/** A chunk of a PNG (§5.3): length, type, data, and the CRC of type and data. */
function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, crc]);
}
