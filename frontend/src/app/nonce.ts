/** The nonce of this page's answer: styles made at run time carry it past the security policy. */
export function nonce(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
  return meta?.nonce ?? '';
}

declare global {
  var __webpack_nonce__: string | undefined;
}

/** Where the scroll lock of dialogs looks for it. */
export function shareNonce(): void {
  globalThis.__webpack_nonce__ = nonce();
}
