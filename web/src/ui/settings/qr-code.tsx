/** A QR code, dark on light in every theme: a camera needs it so. */

import { useMemo } from "preact/hooks";
import encodeQR from "qr";

/** The empty frame that the standard asks for, in modules. */
const QUIET = 4;

export default function QrCode({ text, label }: { text: string; label: string }) {
  const modules = useMemo(() => encodeQR(text, "raw", { border: QUIET }), [text]);
  const size = modules.length;
  const path = modules
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <path d={`M0 0h${size}v${size}H0z`} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
