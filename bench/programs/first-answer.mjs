/**
 * Asks an HTTP API for a document again and again, and prints the unix time in ms when it first held what is expected.
 *
 *   first-answer.mjs URL PID    done when one of `clients` has that pid
 */
const [url, pid] = process.argv.slice(2);
const pauseMs = 5;

async function isAnswered() {
  try {
    const { clients } = await (await fetch(url)).json();
    return clients.some((client) => client.pid === Number(pid));
  } catch {
    return false;
  }
}

while (!(await isAnswered())) await new Promise((resolve) => setTimeout(resolve, pauseMs));
process.stdout.write(`${Date.now()}\n`);
