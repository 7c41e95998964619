import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PASSWORD, startRelay, useBrowser } from "../browser/browser.ts";
import { exportBackup } from "../browser/history.ts";
import { twoPeople } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";

useBrowser();

describe.each(BACKENDS)("over %s", (backend) => {
  it("J6: one sees what is stored, exports it, and deletes the account", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    await bob.go("#/settings/history");
    await bob.page.getByText("1 message", { exact: true }).waitFor();
    await bob.page.getByText(/ of /).first().waitFor();
    const backup = await exportBackup(bob.page);
    expect(backup.name).toMatch(/^ferry-[a-z0-9._-]+\.age$/);
    expect(backup.content.includes("hello Bob")).toBe(false);
    expect(backup.content.subarray(0, 21).toString()).toBe("age-encryption.org/v1");
    await bob.go("#/settings/account");
    await bob.page.getByRole("button", { name: "Delete the account" }).click();
    const dialog = bob.page.getByRole("dialog", { name: "Delete your account?" });
    await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Delete the account" }).click();
    await bob.page.getByLabel("Username").waitFor();
    const names = await bob.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
    expect(names.filter((name) => name !== "ferry")).toEqual([]);
    // What Ann has received stays with her.
    await ann.reload();
    await ann.hasTexts(["hello Bob"]);
  });
});

describe("a backup of the page", () => {
  it("50: is one that the command line verifies", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    const backup = await exportBackup(bob.page);
    const folder = mkdtempSync(join(tmpdir(), "ferry-web-backup-"));
    try {
      const file = join(folder, backup.name);
      writeFileSync(file, backup.content);
      const said = execFileSync(process.env["FERRY_BINARY"] ?? "", ["backup", "verify", file], {
        env: { FERRY_DATA_DIR: folder, FERRY_BACKUP_PASSPHRASE: backup.passphrase },
        encoding: "utf8",
      });
      expect(said).toContain("1 message");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
