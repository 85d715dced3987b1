/** Logging in and out. The browser keeps what the aggregator gives for a token; scripts never see it. */
import type { ErrorDocument, SessionDocument } from '../../model/document.ts';

/** Who is logged in, as the aggregator calls whoever it made the token for. */
export type Who = NonNullable<SessionDocument['session']>;

export type LoginOutcome =
  | { readonly kind: 'in'; readonly who: Who | null }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Login {
  /** Null where nobody is, or nobody has to be. Never rejects. */
  who(): Promise<Who | null>;
  /** Never rejects. */
  login(token: string): Promise<LoginOutcome>;
  /** Never rejects: a cookie that could not be taken back is over in some hours by itself. */
  logout(): Promise<void>;
}

/** @param base address of the page */
export function createLogin(base: string): Login {
  const post = (path: string, body: object): Promise<Response | null> =>
    fetch(new URL(path, base), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => null);
  return {
    who: async () => {
      const response = await fetch(new URL('session', base)).catch(() => null);
      return response?.ok === true ? whoOf(await response.json().catch(() => null)) : null;
    },
    login: async (token) => {
      const response = await post('login', { token });
      if (response === null) return { kind: 'refused', reason: 'the aggregator does not answer' };
      const body: unknown = await response.json().catch(() => null);
      if (response.ok) return { kind: 'in', who: whoOf(body) };
      const reason = (body as ErrorDocument | null)?.error?.message;
      return { kind: 'refused', reason: reason ?? `the aggregator answers with status ${response.status}` };
    },
    logout: async () => {
      await post('logout', {});
    },
  };
}

function whoOf(body: unknown): Who | null {
  return (body as SessionDocument | null)?.session ?? null;
}
