/** Backups, as a user makes and reads them. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";

export interface Backup {
  name: string;
  content: Buffer;
  passphrase: string;
}

async function openHistory(page: Page): Promise<void> {
  await page.evaluate(() => {
    location.hash = "#/settings/history";
  });
}

/** Writes a backup, and reads what the browser has downloaded. */
export async function exportBackup(page: Page): Promise<Backup> {
  await openHistory(page);
  await page.getByRole("button", { name: "Export a backup" }).click();
  const dialog = page.getByRole("dialog", { name: "Export a backup" });
  const passphrase = ((await dialog.locator(".passphrase").textContent()) ?? "").trim();
  await dialog.getByRole("checkbox", { name: "I have written down the passphrase" }).check();
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Export a backup" }).click();
  const file = await download;
  const backup = { name: file.suggestedFilename(), content: readFileSync(await file.path()), passphrase };
  await dialog.getByText("is in your downloads").waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  return backup;
}

/** Reads a backup, and waits for what the dialog says at the end. */
export async function importBackup(page: Page, backup: Backup, outcome: string): Promise<void> {
  await openHistory(page);
  await page.getByRole("button", { name: "Import a backup" }).click();
  const dialog = page.getByRole("dialog", { name: "Import a backup" });
  await dialog.locator("input[type=file]").setInputFiles({
    name: backup.name,
    mimeType: "application/octet-stream",
    buffer: backup.content,
  });
  await dialog.getByLabel("Passphrase", { exact: true }).last().fill(backup.passphrase);
  await dialog.getByRole("button", { name: "Import a backup" }).click();
  const trust = dialog.getByRole("button", { name: "Import it all the same" });
  const end = dialog.getByText(outcome);
  await trust.or(end).first().waitFor();
  if (await trust.isVisible()) {
    await trust.click();
  }
  await end.waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
}
