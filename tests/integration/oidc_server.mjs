// A certified OAuth 2.0 and OpenID Connect server on loopback. Refresh tokens rotate.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const grants = ["authorization_code", "refresh_token"];
  const device = "urn:ietf:params:oauth:grant-type:device_code";
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "web", client_secret: "s3cret/+ of web", grant_types: [...grants, "client_credentials"],
        application_type: "native", redirect_uris: ["http://127.0.0.1/callback"], response_types: ["code"],
      },
      {
        client_id: "tv", token_endpoint_auth_method: "none", grant_types: [device, "refresh_token"],
        application_type: "native", redirect_uris: [], response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, revocation: { enabled: true },
      introspection: { enabled: true },
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    scopes: ["openid", "offline_access", "read"],
    ttl: { AccessToken: 600, ClientCredentials: 600, RefreshToken: 600, Session: 600, Interaction: 600, Grant: 600, IdToken: 600, DeviceCode: 600 },
    cookies: { keys: ["a key of this test"] },
  });
  server.on("request", provider.callback());
  console.log(`running on ${issuer}`);
});
