# Finds plotly.min.js as unpacked from PyPI's plotly, beside libtorch's folder (script/support/wheels.txt).
#
#   PLOTLY_SCRIPT     the file
find_file(PLOTLY_SCRIPT plotly.min.js PATHS ${LIBTORCH_ROOT}/../plotly/package_data NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Plotly
  REQUIRED_VARS PLOTLY_SCRIPT
  REASON_FAILURE_MESSAGE "run script/test or script/quickstart once (they fetch it), install plotly beside a torch of your own, or give -DPLOTLY_SCRIPT=FILE")
mark_as_advanced(PLOTLY_SCRIPT)
