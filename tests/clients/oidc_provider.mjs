// An identity provider made of oidc-provider, for tests/idp. Its settings come as JSON in SETTINGS: clients, the API and its
// scope, and for TLS a certificate with its key. Prints its issuer when it listens.
import { createServer as plain } from 'node:http';
import { createServer as secured } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(process.env.SETTINGS);
const require = createRequire(`${process.env.LANDFALL_NODE_MODULES}/package.json`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const server = settings.tls ? secured(settings.tls) : plain();
server.listen(0, '127.0.0.1', () => {
  const scheme = settings.tls ? 'https' : 'http';
  const issuer = `${scheme}://${settings.host}:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: settings.clients.map((client) => ({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      ...client,
    })),
    scopes: [settings.scope],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    ttl: { ClientCredentials: 300 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: settings.scope,
          audience: settings.audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  provider.on('server_error', (_, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});
