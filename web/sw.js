// The installed player's shell: its files and a message for when the server cannot be reached. Never audio, never JSON,
// never the operator's pages. The network is asked first, so that no visit shows a stale page; `VERSION` is the server's.

const VERSION = "@version@";
const SHELL = [
  "web?offline",
  ...["style.css", "player.js", "extras.js", "media.js", "shared.js", "cover.js", "stream.js", "icon.svg"].map((name) => `static/${name}`),
];
const cacheName = `radiostream ${VERSION}`;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(SHELL)));
});

const tidy = async () => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("radiostream ") && name !== cacheName).map((name) => caches.delete(name)));
  await clients.claim();
};

addEventListener("activate", (event) => event.waitUntil(tidy()));

const orElse = (request, key) => fetch(request).catch(async () => (await caches.match(key)) ?? Response.error());

addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  const below = pathname.slice(new URL(registration.scope).pathname.replace(/[^/]*$/, "").length);
  if (request.method !== "GET" || !request.url.startsWith(`${location.origin}/`)) return;
  if (request.mode === "navigate" && below === "web") event.respondWith(orElse(request, "web?offline"));
  else if (below.startsWith("static/")) event.respondWith(orElse(request, request));
});
