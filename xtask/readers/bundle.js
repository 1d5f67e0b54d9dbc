// Bundles devtools.mjs into one file that Node.js runs.
//
//   node bundle.js IN OUT
const { build } = require('esbuild');

// The developer tools make this file from their translations.
const locales = `
  export const BUNDLED_LOCALES = ['en-US'], LOCALES = ['en-US'], DEFAULT_LOCALE = 'en-US';
  export const REMOTE_FETCH_PATTERN = '', LOCAL_FETCH_PATTERN = '';
`;
build({
  entryPoints: [process.argv[2]],
  outfile: process.argv[3],
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
  nodePaths: [`${process.cwd()}/node_modules`],
  plugins: [
    {
      name: 'locales',
      setup(build) {
        build.onResolve({ filter: /\/locales\.js$/ }, () => ({ path: 'locales', namespace: 'made' }));
        build.onLoad({ filter: /.*/, namespace: 'made' }, () => ({ contents: locales, loader: 'js' }));
      },
    },
  ],
}).catch(() => process.exit(1));
