/* A build without the workbench has no JSON reader, and so no PEFT folders. */
#include "engine/model/adapter.h"

int adapter_open_folder(struct adapter *adapter, struct err *err)
{
	return err_set(err, ERR_ENGINE, adapter->path, "use a GGUF adapter",
		"is a folder, and this build of carrel does not read PEFT adapters");
}

const struct weight *adapter_folder_target(
	const struct model *model, const char *target, int32_t *n_head)
{
	return NULL;
}
