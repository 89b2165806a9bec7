// Straight to the server, for browsers that can keep nothing and for what needs its answer at once.

/**
 * Post JSON, and once more with a fresh token when the page's own was refused. {status, data}, status 0 without connection
 * or when somebody else says yes in the server's place: its answer names the id that was sent.
 */
export async function postSurely(url, values) {
  const answer = await post(url, values);
  if (![400, 401, 403].includes(answer.status)) return answer;
  await freshToken();
  return post(url, values);
}

/** A token for the next try: signing in again in another window made the page's own worthless. */
async function freshToken() {
  const response = await fetch('/api/session', { headers: { Accept: 'application/json' } }).catch(() => null);
  const token = response?.ok ? (await response.json().catch(() => null))?.csrf_token : null;
  if (token) document.querySelector('meta[name="csrf-token"]').content = token;
}

async function post(url, values) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'X-CSRFToken': document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify(values),
    });
    const data = await response.json().catch(() => ({}));
    return { status: response.ok && data?.id !== values.id ? 0 : response.status, data };
  } catch {
    return { status: 0, data: {} };
  }
}
