/** The drawings: a ferry on the water, a lighthouse, a harbour at night. */

function Waves({ y }: { y: number }) {
  const wave = "c6-5 12-5 18 0s12 5 18 0 12-5 18 0 12 5 18 0 12-5 18 0 12 5 18 0 12-5 18 0 12 5 18 0";
  return <path d={`M8 ${y}${wave}`} />;
}

const DRAWINGS = {
  ferry: "M38 62h84l-10 18H50zM52 62V46h56v16M62 46V34h30v12M78 34V22h8v12M60 54h6M76 54h6M92 54h6",
  lighthouse:
    "M70 80l5-44h14l5 44M73 58h18M72 36h20M77 36V24h10v12M76 24l6-8 6 8M92 30l26-8M92 32l28 4M72 30l-26-8M72 32l-28 4",
  buoy: "M66 78l6-26h18l6 26zM76 52V40h10v12M81 40V28M69 66h24M81 28l10 4-10 4",
  anchor:
    "M81 30a6 6 0 1 0 0 .1M81 36v44M68 46h26M54 62c2 12 14 18 27 18s25-6 27-18M54 62l-4 6M54 62l7 3M108 62l4 6M108 62l-7 3",
} as const;

export type Drawing = keyof typeof DRAWINGS;

export function Scene({ of }: { of: Drawing }) {
  return (
    <svg
      class="scene"
      width="160"
      height="104"
      viewBox="0 0 160 104"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={DRAWINGS[of]} />
      <Waves y={86} />
      <g opacity="0.45">
        <Waves y={96} />
      </g>
    </svg>
  );
}

/** The sign of Ferry. */
export function Sign({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 28 28" fill="none" aria-hidden="true">
      <path d="M4 15h20l-3 5.500H7z" fill="currentColor" />
      <path
        d="M8 15V9.500h12V15M12 9.500V6h3.500v3.500"
        stroke="currentColor"
        stroke-width="2"
        stroke-linejoin="round"
      />
      <path
        d="M2.500 24c2-1.600 3.800-1.600 5.800 0s3.800 1.600 5.700 0 3.800-1.600 5.800 0 3.700 1.600 5.700 0"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
      />
    </svg>
  );
}

/** The sea at the foot of a page that stands alone. */
export function Sea() {
  const crest = "q50 -26 100 0t100 0 100 0 100 0 100 0 100 0 100 0 100 0";
  return (
    <div class="sea">
      <svg viewBox="0 0 800 120" preserveAspectRatio="none" aria-hidden="true">
        <path d={`M0 44${crest}V120H0z`} fill="currentColor" opacity="0.55" />
        <path d={`M-50 66${crest}h60V120H-50z`} fill="currentColor" opacity="0.8" />
        <path d={`M0 92${crest}V120H0z`} fill="currentColor" />
      </svg>
    </div>
  );
}

/** A line of water, for the divider of what is new. */
export function WaveLine() {
  return (
    <svg height="8" viewBox="0 0 400 8" preserveAspectRatio="xMidYMid slice" fill="none" aria-hidden="true">
      <path d={`M0 4${"q5 -4 10 0t10 0".repeat(20)}`} stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}
