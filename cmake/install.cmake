# What is installed beside the program and the CUDA plugin: bin/tengen finds share/tengen/lua from its own place.
install(DIRECTORY configs lua DESTINATION share/tengen FILES_MATCHING PATTERN "*.lua")
install(PROGRAMS jobs/train.sbatch jobs/match.sbatch jobs/scaling.sbatch jobs/chain.sh DESTINATION share/tengen/jobs)
install(FILES jobs/slurm.sh jobs/site.example jobs/README.md DESTINATION share/tengen/jobs)
install(FILES jobs/modulefile DESTINATION share/tengen/modulefiles/tengen RENAME ${PROJECT_VERSION})
