/* The errors that an operation may answer, as AWS names and numbers them. Any
 * thread; all strings are static. */
#ifndef VCH_SHAPE_AWS_ERROR_H
#define VCH_SHAPE_AWS_ERROR_H

enum vch_aws_error {
#define VCH_X(name, exception, status) VCH_AWS_##name,
#include "shape/aws_error.def"
#undef VCH_X
    VCH_AWS_ERROR_COUNT
};

const char *vch_aws_error_name(enum vch_aws_error error);
int vch_aws_error_status(enum vch_aws_error error);

#endif
