const PRIVATE =
  /^(SLUICE_|APP_ID$|PRIVATE_KEY|WEBHOOK_|GHE_|GH_(ENTERPRISE_)?TOKEN$|GITHUB_(TOKEN$|CLIENT_)|REDIS_URL$|DATABASE_URL$|SENTRY_DSN$|SIGSTORE_ID_TOKEN$|ACTIONS_ID_TOKEN_REQUEST_)/;

/** Variables of Sluice and Probot themselves: nobody's secrets, whatever a list says (SEMANTICS §10). */
export function isPrivateVariable(name: string): boolean {
  return PRIVATE.test(name);
}
