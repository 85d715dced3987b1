/** Starts the page: API, session, live updates, and the tree of components. */
import { render } from 'preact';
import { createApi } from './api/client.ts';
import { createLogin } from './api/login.ts';
import { Page } from './page/page.tsx';
import { followFleet } from './state/live.ts';
import { createSession } from './state/session.ts';

const session = createSession(createApi(document.baseURI), createLogin(document.baseURI));
followFleet(session, document.baseURI);
void session.refresh();
render(<Page session={session} />, document.getElementById('page')!);
