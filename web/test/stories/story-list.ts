/** Every screen, by its name: what is special about the world, and where the page begins. */
import type { FakeApp } from "./fake-app.ts";
import { HOLES } from "./finds.ts";
import { ANN, HOUR, id, ME, SIXTEEN } from "./people.ts";
import { ROOM } from "./rooms.ts";
import { TROUBLE } from "./talk.ts";

/** Changes the world, and returns where to begin. */
type Story = (app: FakeApp) => string;

const room = (name: keyof typeof ROOM) => `#/room/${ROOM[name]}`;

export const STORIES: Record<string, Story> = {
  home: () => "#/",
  room: () => room("trip"),
  direct: () => room("bob"),
  trouble: () => room("lin"),
  strange: () => room("strange"),
  rtl: () => room("omar"),
  long: () => room("long"),
  muted: () => room("muted"),
  channel: () => room("news"),
  left: () => room("left"),
  "empty-room": () => room("empty"),
  "no-room": () => "#/room/01a1fc98-0000-7000-8000-000000009999",
  details: () => `${room("trip")}/details`,
  "details-direct": () => `${room("bob")}/details`,
  "strange-details": () => `${room("strange")}/details`,
  "strange-receipts": () => `${room("strange")}/receipts/${ME.id}/${id(1)}`,
  receipts: () => {
    const own = TROUBLE[1]?.target;
    return `${room("lin")}/receipts/${own?.from}/${own?.message}`;
  },
  people: () => "#/people/friends",
  requests: () => "#/people/requests",
  find: () => "#/people/find",
  blocked: () => "#/people/blocked",
  "no-friends": (app) => {
    app.friends.value = [];
    return "#/people/friends";
  },
  person: () => `#/person/${ANN.id}`,
  "hidden-rooms": (app) => {
    app.list.value = app.list.value.map((row, at) => (at > 6 ? { ...row, isHidden: true } : row));
    return "#/";
  },
  invitations: () => "#/invitations",
  "no-invitations": (app) => {
    app.invitations.value = [];
    return "#/invitations";
  },
  new: () => "#/new/create",
  channels: () => "#/new/find",
  notices: () => "#/notices",
  "no-notices": (app) => {
    app.noticeList.value = [];
    return "#/notices";
  },
  search: () => "#/search",
  settings: () => "#/settings",
  account: () => "#/settings/account",
  "second-factor": (app) => {
    app.session.secondStatus.value = { isOn: true, codesLeft: 7 };
    return "#/settings/account";
  },
  privacy: () => "#/settings/privacy",
  devices: () => "#/settings/devices",
  notifications: () => "#/settings/notifications",
  appearance: () => "#/settings/appearance",
  language: () => "#/settings/language",
  history: () => "#/settings/history",
  shortcuts: () => "#/settings/shortcuts",
  "history-ios": (app) => {
    app.historyStatus.value = {
      ...app.historyStatus.value,
      protection: "ios_not_installed",
      isReminderDue: true,
    };
    return "#/settings/history";
  },
  holes: (app) => {
    app.holeList.value = HOLES;
    return "#/settings/history";
  },
  "no-rooms": (app) => {
    app.list.value = [];
    app.invitations.value = [];
    app.friends.value = [];
    return "#/new/find";
  },
  restarting: (app) => {
    app.phase.value = { is: "starting", isAgain: true };
    return "#/";
  },
  erased: (app) => {
    app.list.value = [];
    app.phase.value = { is: "signed_in", isEmptyDevice: true, isErased: true };
    return "#/";
  },
  "first-steps": (app) => {
    app.list.value = [];
    app.invitations.value = [];
    return "#/";
  },
  "empty-device": (app) => {
    app.list.value = [];
    app.phase.value = { is: "signed_in", isEmptyDevice: true };
    return "#/";
  },
  offline: (app) => {
    app.state.value = {
      is: "offline",
      why: { key: "problem.unreachable", values: {} },
      retryAt: Date.now() + 45_000,
    };
    app.waiting.value = 3;
    return room("bob");
  },
  "catching-up": (app) => {
    app.state.value = { is: "catching_up", received: 1_200 };
    return room("bob");
  },
  full: (app) => {
    app.state.value = { is: "storage_full" };
    app.clockSkew.value = 3 * HOUR;
    return room("bob");
  },
  update: (app) => {
    app.phase.value = { is: "signed_in", isEmptyDevice: false, hasUpdate: true };
    return room("bob");
  },
  reload: (app) => {
    app.phase.value = { is: "reload" };
    return "#/";
  },
  starting: (app) => {
    app.phase.value = { is: "starting" };
    return "#/";
  },
  login: (app) => {
    app.phase.value = { is: "signed_out" };
    return "#/";
  },
  "login-devices": (app) => {
    app.phase.value = { is: "signed_out", lastUsername: "mira" };
    app.devices.value = SIXTEEN;
    app.problems.push({ key: "problem.device_limit", values: {} });
    return "#/";
  },
  "another-user": (app) => {
    app.phase.value = { is: "logged_out", username: "mira", why: "another_user" };
    return "#/";
  },
  "logged-out": (app) => {
    app.phase.value = { is: "logged_out", username: "mira", why: "elsewhere" };
    return "#/";
  },
  insecure: (app) => {
    app.phase.value = { is: "blocked", why: "insecure" };
    return "#/";
  },
  storage: (app) => {
    app.phase.value = { is: "blocked", why: "storage" };
    return "#/";
  },
  cookies: (app) => {
    app.phase.value = { is: "blocked", why: "cookies" };
    return "#/";
  },
  "used-twice": (app) => {
    app.phase.value = { is: "blocked", why: "used_twice" };
    return "#/";
  },
};
