// Stock clients at landfall's identity provider: openid-client and jose, unmodified. For tests/idp; see oauth_clients.py.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.LANDFALL_NODE_MODULES}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [oauth, jose] = [await load('openid-client'), await load('jose')];

const { ISSUER: issuer, AUDIENCE: audience, CLIENT, SECRET, SIGNER, KEY } = process.env;

async function tokenOf(algorithm, client, authentication, parameters) {
  for (const kind of ['oidc', 'oauth2']) {
    const config = await oauth.discovery(new URL(issuer), client, undefined, authentication, {
      algorithm: kind,
      execute: [oauth.allowInsecureRequests],
    });
    const token = await oauth.clientCredentialsGrant(config, { scope: 'quakes:write', ...parameters });
    const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const named = 'aud' in jose.decodeJwt(token.access_token) ? { audience } : {};
    const { payload, protectedHeader } = await jose.jwtVerify(token.access_token, keys, { issuer, ...named });
    if (kind === 'oauth2') return { ...payload, alg: protectedHeader.alg };
  }
}

const key = await jose.importPKCS8(KEY, 'ES256');
let refused = 'not at all';
try {
  await tokenOf('oidc', CLIENT, oauth.ClientSecretBasic('wrong'), {});
} catch (error) {
  refused = error.error ?? (await error.response?.json())?.error ?? error.code;
}
console.log(
  JSON.stringify({
    basic: await tokenOf('oidc', CLIENT, oauth.ClientSecretBasic(SECRET), {}),
    post: await tokenOf('oidc', CLIENT, oauth.ClientSecretPost(SECRET), {}),
    resource: await tokenOf('oidc', CLIENT, oauth.ClientSecretBasic(SECRET), { resource: audience }),
    signed: await tokenOf('oidc', SIGNER, oauth.PrivateKeyJwt(key), {}),
    refused,
  }),
);
