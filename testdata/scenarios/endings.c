/* An add-on whose only function writes to an address that no process has: see endings.js. */
#include <stddef.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);

__attribute__((noinline)) void write_to(volatile int *place) { *place = 1; }

static napi_value fault(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  write_to((volatile int *)0x10);
  return NULL;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function = exports;
  napi_create_function(env, "fault", 5, fault, NULL, &function);
  return function;
}
