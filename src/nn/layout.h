/* layout.h - what the files of nn know of the parameter table beyond tengen/nn.h. */
#pragma once

#include "tengen/nn.h"

/* Parameters of an arch whose blocks passed nn_arch_check. */
size_t nn_layout_count(const struct nn_arch *arch);
/* Blocks of the trunk itself, inner ones not counted. */
int nn_arch_top_blocks(const struct nn_arch *arch);
/* Entries of arch->blocks that block `at` takes up: itself and everything inside it. */
int nn_arch_block_span(const struct nn_arch *arch, int at);
