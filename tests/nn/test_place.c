/* test_place.c - which processors are next to a device, from files like those under /sys. */
#define _GNU_SOURCE /* cpu_set_t */
#include "../../src/nn/place.h"

#include <stdio.h>
#include <string.h>

#include "tengen/file.h"
#include "tg_test.h"

static void put(const char *root, const char *folder, const char *name, const char *text)
{
    char path[512];
    struct tg_error err;

    snprintf(path, sizeof path, "%s/%s", root, folder);
    assert_ok(tg_mkdirs(path, &err), &err);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    assert_ok(tg_file_replace(path, text, strlen(text), &err), &err);
}

static void a_devices_processors_are_those_of_its_numa_node(void **state)
{
    const char *root = tg_test_mkdir();
    cpu_set_t set;
    int node = -1;

    (void)state;
    put(root, "bus/pci/devices/0000:c1:00.0", "numa_node", "1\n");
    put(root, "devices/system/node/node1", "cpulist", "2-4,8,10-11\n");
    assert_true(place_processors(root, "0000:C1:00.0", &node, &set));
    assert_int_equal(node, 1);
    assert_int_equal(CPU_COUNT(&set), 6);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(CPU_ISSET(i, &set) != 0, (i >= 2 && i <= 4) || i == 8 || i == 10 || i == 11);
    tg_test_rmdir(root);
}

static void a_device_of_no_known_node_has_none(void **state)
{
    static const char *const lists[] = {"", "\n", "x\n", "3-\n", "3;4\n"};
    const char *root = tg_test_mkdir();
    cpu_set_t set;
    int node;

    (void)state;
    assert_false(place_processors(root, "0000:01:00.0", &node, &set)); /* no such device */
    put(root, "bus/pci/devices/0000:01:00.0", "numa_node", "-1\n");
    assert_false(place_processors(root, "0000:01:00.0", &node, &set)); /* a machine of one node may say so */
    put(root, "bus/pci/devices/0000:01:00.0", "numa_node", "0\n");
    assert_false(place_processors(root, "0000:01:00.0", &node, &set)); /* no list */
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        put(root, "devices/system/node/node0", "cpulist", lists[i]);
        assert_false(place_processors(root, "0000:01:00.0", &node, &set));
    }
    tg_test_rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_devices_processors_are_those_of_its_numa_node),
        cmocka_unit_test(a_device_of_no_known_node_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
