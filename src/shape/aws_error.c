#include "shape/aws_error.h"

static const struct {
    const char *name;
    int status;
} rows[VCH_AWS_ERROR_COUNT] = {
#define VCH_X(name, exception, status) {exception, status},
#include "shape/aws_error.def"
#undef VCH_X
};

const char *vch_aws_error_name(enum vch_aws_error error) {
    return rows[error].name;
}

int vch_aws_error_status(enum vch_aws_error error) {
    return rows[error].status;
}
