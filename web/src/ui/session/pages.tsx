/** The pages that stand alone, for a phase without the shell. */
import { useEffect } from "preact/hooks";
import type { Phase } from "../../state/model.ts";
import { Blocked } from "./blocked.tsx";
import { LoggedOut } from "./logged-out.tsx";
import { Login } from "./login.tsx";
import { ReloadPage } from "./reload.tsx";

/** `onShown` is called once the page is there, for what is needed next. */
export default function Pages({ phase, onShown }: { phase: Phase; onShown?: () => void }) {
  useEffect(() => onShown?.(), []);
  switch (phase.is) {
    case "blocked":
      return <Blocked why={phase.why} />;
    case "logged_out":
      return <LoggedOut username={phase.username} why={phase.why} />;
    case "signed_out":
      return <Login lastUsername={phase.lastUsername} />;
    default:
      return <ReloadPage />;
  }
}
