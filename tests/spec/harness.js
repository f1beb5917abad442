// What the document's snippets leave out. They run under this unchanged: placeholders are filled in,
// and who is asking is added, on the way out of WebSocket and fetch. GIVEN:
// {socket, http, token, tickets, campaign, user, body, faster}.
const given = JSON.parse(process.env.GIVEN);
const said = (what, value) => process.stdout.write(JSON.stringify([what, value]) + '\n');
console.log = (...words) => said('log', words);
console.error = (...words) => said('error', words.map(String));

const realWebSocket = globalThis.WebSocket;
globalThis.WebSocket = class extends realWebSocket {
  constructor(address) {
    said('socket', address);
    const filled = address.replace('ws://...', given.socket);
    const url = new URL(filled.replace('ws://localhost:5000/ws', given.socket));
    const ticket = given.tickets.shift();
    if (ticket) url.searchParams.set('ticket', ticket);
    super(url);
  }

  send(text) {
    const filled = text.replace('"CAMP-123"', JSON.stringify(given.campaign));
    super.send(filled.replace('"userId":123', `"userId":${given.user}`));
  }
};

const realFetch = globalThis.fetch;
globalThis.fetch = async (path, options = {}) => {
  const headers = { ...options.headers, Authorization: `Bearer ${given.token}` };
  const answer = await realFetch(new URL(path, given.http), { ...options, headers });
  said('status', answer.status);
  return answer;
};

// The snippet's waits are told as they are written and are shorter in truth; Node's own are its own.
const realSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = (run, wait, ...more) => {
  const caller = new Error('who asks').stack.split('\n')[2];
  if (caller.includes('node:internal')) return realSetTimeout(run, wait, ...more);
  said('wait', wait);
  return realSetTimeout(run, wait / given.faster);
};

const reconnect = () => said('reconnect', null);
const handleWebSocketMessage = (message) => said('message', message);
const updateProgressBar = (percentage) => said('bar', percentage);
const showETA = (seconds) => said('eta', seconds);
const showMessage = (text) => said('shown', text);
const data = given.body;
