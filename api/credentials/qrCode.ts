import QRCode from "qrcode";
import type { SharePayload } from "./actions";

/** A quarter of the code may be unreadable, for it is printed small and gets smudged. */
const LEVEL = { errorCorrectionLevel: "Q", margin: 4 } as const;

function textOf(payload: SharePayload): string {
  return JSON.stringify(payload);
}

/** The QR code (ISO/IEC 18004) of a payload, as JSON, in an SVG document. */
export function qrCodeSvg(payload: SharePayload): Promise<string> {
  return QRCode.toString(textOf(payload), { ...LEVEL, type: "svg" });
}

/** The same as a PNG image, about 600 pixels wide. */
export function qrCodePng(payload: SharePayload): Promise<Buffer> {
  return QRCode.toBuffer(textOf(payload), { ...LEVEL, type: "png", width: 600 });
}
