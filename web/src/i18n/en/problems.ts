/** What went wrong, and what to do. */
export const problems = {
  "problem.malformed":
    "Ferry sent something that the relay could not read. Reload the page; if it stays, report it.",
  "problem.token_in_url": "The address had a secret in it. Log in again by typing your password.",
  "problem.unknown_type":
    "The relay is older than this page. Reload the page; if it stays, tell who runs the relay.",
  "problem.method_not_allowed":
    "The relay does not know this request. Reload the page; if it stays, report it.",
  "problem.unsupported_media_type":
    "The relay could not read the request. Reload the page; if it stays, report it.",
  "problem.upgrade_required":
    "Something between you and the relay breaks the connection. Try another network.",
  "problem.id_reused":
    "This message was sent before with another text. Copy the text and send it as a new one.",
  "problem.invalid": "Something in the form is not allowed. Change it and try again.",
  "problem.too_large": "This is too long. Shorten it, or send it in parts.",
  "problem.username_taken": "Somebody has this username already. Choose another one.",
  "problem.unauthorized": "Your login has ended. Log in again.",
  "problem.wrong_password": "The username or the password is wrong. Check both and try again.",
  "problem.not_your_password": "This is not your password. Check it and try again.",
  "problem.weak_password":
    "This password is easy to guess. Take at least 8 characters that are not your name, a common password or a row of keys.",
  "problem.password_needed": "Give your password to go on.",
  "problem.account_disabled": "The operator of this server has disabled your account. Ask them why.",
  "problem.registration_closed": "This server takes no new accounts. Ask its operator.",
  "problem.registration_token": "This server takes new accounts only with a token. Ask its operator for one.",
  "problem.code_needed": "Give the code of your second factor to go on.",
  "problem.code_wrong": "This code is wrong or too old. Wait for the next one and type it.",
  "problem.not_found": "This is no longer there. Go back and look at the list again.",
  "problem.already_member": "They are in the room already. There is nothing to do.",
  "problem.totp_active": "The second factor is on already. Turn it off before you set up another one.",
  "problem.forbidden": "Your role does not allow this. Ask an admin of the room.",
  "problem.muted": "You are muted in this room. Wait, or ask a moderator.",
  "problem.not_allowed": "Their settings do not allow this. Ask them to add you as a friend first.",
  "problem.banned": "You are banned from this room. Ask an admin to lift the ban.",
  "problem.blocked": "One of you has blocked the other. If it was you, unblock them first.",
  "problem.device_limit": "All places for devices are taken. Log one out on another device.",
  "problem.room_full": "The room is full. Somebody has to leave first.",
  "problem.last_owner": "You are the last owner. Make somebody else an owner first.",
  "problem.too_many_rooms": "You are in too many rooms. Leave one first.",
  "problem.too_many_bans": "The room has too many bans. Lift one first.",
  "problem.too_many_invitations": "Too many invitations are open. Withdraw one first.",
  "problem.encrypted_room":
    "This room is encrypted, and this version cannot write in it. Use a client that can.",
  "problem.stale_group": "The encryption of the room has moved on. Wait until this device has caught up.",
  "problem.invalid_commit": "The encryption of the room could not be changed. Try again.",
  "problem.rate_limited": "That was too much in a short time.",
  "problem.unavailable": "The relay cannot do this now. Nothing is lost.",
  "problem.internal": "The relay had a fault. Nothing is lost; try again soon.",
  "problem.unknown": "The relay says: {detail} (code {code}). If it stays, tell who runs the relay.",
  "problem.unreachable": "The relay cannot be reached. Check your connection.",
  "problem.logout_unreachable":
    "The relay did not answer, so you may still be logged in. Try again once you are online, or log this device out from another one.",
  "problem.password_unchanged": "The relay did not answer. Your password is the old one still: try again.",
  "problem.password_unsure":
    "The relay did not answer, so the new password may count already. Once you are online, log in with the new one, or else with the old one.",
  "problem.foreign":
    "Something other than the relay answered. Check whether this network asks you to log in.",
  "problem.store_failed": "This browser could not store it. Reload the page, then try again.",
  "problem.fault":
    "Ferry made a mistake here ({name}). Reload the page and try again; if it stays, report it.",
  "problem.storage_full": "The disk of this device is full. Delete something, then try again.",
  "problem.wrong_key": "This passphrase or key does not open the backup. Check it and try again.",
  "problem.bad_recipient": "This is no public key. Copy all of it: age1 and 58 more letters and digits.",
  "problem.not_a_backup": "This file is not a backup of Ferry. Choose another one.",
  "problem.not_vouched":
    "Nothing proves that you wrote this backup: somebody else may have put words in it. Import it only if you trust its source.",
  "problem.backup_changed": "Messages were deleted while the backup was written. Write it again.",
  "problem.damaged_backup": "The backup is damaged, so nothing was imported. Use another copy of it.",
  "problem.other_account": "This backup is of another account. Log in with that account to import it.",
  "problem.cancelled": "Stopped. Nothing was changed.",
} as const;
