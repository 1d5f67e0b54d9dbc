'use strict';
/* Apollo Server: a schema, resolvers, parsed documents in its own cache. */
const { fromPackages, loadByHttp, post } = require('./serve');
const { ApolloServer } = fromPackages('@apollo/server');
const { startStandaloneServer } = fromPackages('@apollo/server/standalone');

const fields = Array.from({ length: 30 }, (_, number) => `field${number}: String`).join('\n');
const types = Array.from({ length: 12 }, (_, number) => `type Kind${number} { id: ID! ${fields} books: [Book] }`).join('\n');
const typeDefs = `
  type Book { title: String author: Author }
  type Author { name: String books: [Book] }
  ${types}
  type Query { books(first: Int): [Book] author(name: String): Author ${Array.from({ length: 12 }, (_, number) => `kind${number}: Kind${number}`).join(' ')} }
`;
const books = Array.from({ length: 20 }, (_, number) => ({ title: 'Book ' + number, author: { name: 'Author ' + number % 5, books: [] } }));
const resolvers = { Query: { books: (_, { first }) => books.slice(0, first ?? 10), author: (_, { name }) => books.find((book) => book.author.name === name)?.author } };

(async () => {
  const server = new ApolloServer({ typeDefs, resolvers });
  const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
  await loadByHttp(Number(new URL(url).port), (number) => post('/', {
    query: `query Q${number % 10}($first: Int) { books(first: $first) { title author { name } } }`, variables: { first: number % 20 },
  }));
})();
