/** What went wrong with a request, as the console shows it. */

export interface FieldFault {
  /** In the words of the request: `contacts[3].telefone`. */
  path: string;
  message: string;
  code: string;
}

/** The API refused: its own code, sentence and request id. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null,
    readonly fields: readonly FieldFault[] = [],
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** No answer arrived: offline, or the server is away. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super('network', { cause });
    this.name = 'NetworkError';
  }
}

/** The sign-in has ended; the page asks for the password and keeps what was typed. */
export class SessionEnded extends Error {
  constructor() {
    super('session ended');
    this.name = 'SessionEnded';
  }
}

interface Envelope {
  error?: { code?: string; message?: string; request_id?: string; fields?: FieldFault[] };
}

/** An answer with a status of 400 and up, read. */
export async function readError(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as Envelope;
  const error = body.error ?? {};
  return new ApiError(
    response.status,
    error.code ?? 'http_error',
    error.message ?? '',
    error.request_id ?? response.headers.get('X-Request-Id'),
    error.fields ?? [],
    retryAfterOf(response),
  );
}

/** `Retry-After` in seconds, null where there is none. */
export function retryAfterOf(response: Response): number | null {
  const given = response.headers.get('Retry-After');
  if (given === null) return null;
  const seconds = Number(given);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
