using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .kinds) ],
  sockets = [ (name = "http", address = "127.0.0.1:PORT", http = (), service = "main") ]
);
const kinds :Workerd.Worker = (
  modules = [
    (name = "worker", esModule = embed "worker.js"),
    (name = "kinds", commonJsModule = embed "kinds.js"),
    (name = "alone", commonJsModule = embed "alone.js")
  ],
  compatibilityDate = "DATE", compatibilityFlags = ["nodejs_compat_v2"],
);
