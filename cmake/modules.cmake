# One interface target holds the flags; a module is a static library; a test is a program per file.
add_library(tg_flags INTERFACE)
set(TG_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef)
if(TG_WERROR)
    list(APPEND TG_WARNINGS -Werror)
endif()
target_compile_options(tg_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:${TG_WARNINGS}>") # not for nvcc
if(TENGEN_MARCH AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(tg_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:-march=${TENGEN_MARCH}>")
endif()
target_include_directories(tg_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(tg_flags INTERFACE _POSIX_C_SOURCE=200809L)

# tg_module(name SOURCES .. [PUBLIC ..] [PRIVATE ..]): the static library tg_name, alias tg::name.
# PUBLIC is what the module's header includes, PRIVATE what only its .c files include.
function(tg_module name)
    cmake_parse_arguments(M "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(tg_${name} STATIC ${M_SOURCES})
    add_library(tg::${name} ALIAS tg_${name})
    set_target_properties(tg_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(tg_${name} PUBLIC tg_flags ${M_PUBLIC} PRIVATE ${M_PRIVATE})
endfunction()

# tg_test(dir/test_x LINK .. [RANKS n ..] [TIMEOUT sec]): the program tests/dir/test_x.c.
# With RANKS one CTest per rank count, under mpirun; without, one CTest and no MPI. 77 is a skip.
function(tg_test path)
    cmake_parse_arguments(T "" "TIMEOUT" "LINK;RANKS" ${ARGN})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 60)
    endif()
    string(REPLACE "/" "." name ${path})
    add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/${path}.c)
    if(T_RANKS)
        target_link_libraries(${name} PRIVATE tg_test_support_mpi ${T_LINK})
        foreach(n IN LISTS T_RANKS)
            add_test(NAME ${name}.n${n} COMMAND ${MPIEXEC_EXECUTABLE} ${TG_MPIRUN_FLAGS}
                     ${MPIEXEC_NUMPROC_FLAG} ${n} $<TARGET_FILE:${name}>)
            set_tests_properties(${name}.n${n} PROPERTIES TIMEOUT ${T_TIMEOUT} PROCESSORS ${n}
                                 LABELS mpi SKIP_RETURN_CODE 77 ENVIRONMENT "${TG_TEST_ENV}")
        endforeach()
    else()
        target_link_libraries(${name} PRIVATE tg_test_support ${T_LINK})
        add_test(NAME ${name} COMMAND ${name})
        set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS unit
                             SKIP_RETURN_CODE 77 ENVIRONMENT "${TG_TEST_ENV}")
    endif()
endfunction()

# More ranks than cores, root in a container, and other load beside us must not stall a test.
set(TG_MPIRUN_FLAGS --oversubscribe --bind-to none)
set(TG_TEST_ENV
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_btl=self,vader OMPI_MCA_rmaps_base_oversubscribe=1
    TENGEN_SHARED=${PROJECT_SOURCE_DIR}/../shared TENGEN_SOURCE=${PROJECT_SOURCE_DIR}
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp"
    ASAN_OPTIONS=fast_unwind_on_malloc=0)
