/*
 * openapi: schema/openapi.yaml as JSON, put into the program by the build.
 */
#ifndef OPENAPI_H
#define OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_size;

#endif
